using Workerd = import "/workerd/workerd.capnp";

# The example, which sees its clients leave.
const config :Workerd.Config = (
  services = [
    (name = "example", worker = (
      modules = .modules,
      compatibilityDate = .date,
      compatibilityFlags = ["enable_request_signal"],
      bindings = .bindings,
    )),
    .internet,
  ],
  sockets = [.http],
);

# The same without the flag: there are timeouts, but nobody tells the worker of clients that leave.
const withoutSignal :Workerd.Config = (
  services = [
    (name = "example", worker = (modules = .modules, compatibilityDate = .date, bindings = .bindings)),
    .internet,
  ],
  sockets = [.http],
);

const modules :List(Workerd.Worker.Module) = [(name = "worker.js", esModule = embed "dist/worker.bundle.js")];

# From this date on there is `node:async_hooks`, which @curfew/hono needs, without `nodejs_compat`.
const date :Text = "2026-11-01";

const bindings :List(Workerd.Worker.Binding) = [
  (name = "LIMIT_MS", fromEnvironment = "LIMIT_MS"),
  (name = "LOG", fromEnvironment = "LOG"),
  (name = "APP", fromEnvironment = "APP"),
  (name = "GREETER", fromEnvironment = "GREETER"),
];

# The upstream is on this machine, and nothing else is to be reached.
const internet :Workerd.Service = (name = "internet", network = (allow = ["local"]));

const http :Workerd.Socket = (name = "http", http = (), service = "example");
