using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(
    name = "main",
    worker = (
      modules = [(name = "worker", esModule = embed "on-workerd.bundle.js")],
      compatibilityDate = "2026-01-01",
      # For what @curfew/hono needs, and nothing else does.
      compatibilityFlags = ["nodejs_als"],
      bindings = [(name = "self", service = "main")]
    )
  )]
);
