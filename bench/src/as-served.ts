// Apps on Node run with node-server's `Response`, which its first listener installs; what is made before is another one.
if (!('Bun' in globalThis) && !('Deno' in globalThis)) {
  const { createListener } = await import('@curfew/node')
  createListener(() => new Response())
}

export {}
