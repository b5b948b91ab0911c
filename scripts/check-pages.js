// What these pages name is there: each test that is to show something, and each page that they lead to.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const pages = ['SECURITY.md', 'docs/decisions/025-threat-model.md']

for (const page of pages) {
  const text = readFileSync(page, 'utf8')
  const tests = [...text.matchAll(/`([\w./-]+\/[\w.-]+\.(?:ts|js))`/g)].map(([, path]) => path)
  const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, path]) => join(dirname(page), path))
  for (const path of [...tests, ...links]) {
    if (existsSync(path)) continue
    console.error(`${page} names what is not there: ${path} (scripts/check-pages.js)`)
    process.exitCode = 1
  }
}
