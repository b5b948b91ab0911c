import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Report } from '@curfew/core/report'
import { afterEach } from 'vitest'
import { readJsonLines } from '../src/read-json-lines.ts'

const folders: string[] = []

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

/** A folder that is gone after the test. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'curfew-hooks-'))
  folders.push(folder)
  return folder
}

/** The reports of a file, which must have nothing else. */
export async function reportsIn(path: string): Promise<Report[]> {
  const reports: Report[] = []
  for await (const { report, error } of readJsonLines(path)) {
    if (error) throw error
    reports.push(report)
  }
  return reports
}

/** How many files, sockets and the like this process has open. */
export function openHandles(): number {
  return readdirSync('/proc/self/fd').length
}

/** What all file handles have in common, to be spied on. */
export async function fileHandles(): Promise<FileHandle> {
  const handle = await open('/dev/null')
  await handle.close()
  return Object.getPrototypeOf(handle)
}

/** `handle.write(bytes, offset, length)` as it really is, also of one that is spied on. */
export async function realWrite(): Promise<(handle: unknown, ...args: readonly unknown[]) => Promise<never>> {
  const { write } = await fileHandles()
  return (handle, ...args) => Reflect.apply(write, handle, args) as Promise<never>
}
