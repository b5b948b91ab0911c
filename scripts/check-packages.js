// Every package that is published must resolve as its users resolve it: publint looks at it as packed.
import { readdirSync, readFileSync } from 'node:fs'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'

const messages = []
for (const folder of readdirSync('packages')) {
  const pkg = JSON.parse(readFileSync(`packages/${folder}/package.json`, 'utf8'))
  if (pkg.private) continue
  const found = await publint({ pkgDir: `packages/${folder}`, strict: true, pack: false })
  const ranges = Object.entries({ ...pkg.dependencies, ...pkg.peerDependencies })
  const local = ranges.filter(([, range]) => /^(workspace|catalog|link|file):/.test(range))
  messages.push(
    ...local.map(
      ([name, range]) => `${pkg.name}: depends on ${name} by what only this workspace knows: ${range}`,
    ),
  )
  messages.push(...found.messages.map((message) => `${pkg.name}: ${formatMessage(message, pkg)}`))
}
for (const message of messages) console.error(message)
process.exitCode = messages.length > 0 ? 1 : 0
