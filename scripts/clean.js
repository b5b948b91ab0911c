// tsc leaves stale output behind when a source file is removed, so every build starts from nothing.
import { rmSync } from 'node:fs'

for (const folder of process.argv.slice(2)) rmSync(folder, { recursive: true, force: true })
