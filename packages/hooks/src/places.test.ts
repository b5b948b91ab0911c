import { expect, test } from 'vitest'
import { Places } from './places.ts'

function scene(places: number) {
  const room = new Places(places)
  const running: string[] = []
  const ends = new Map<string, () => void>()
  return {
    running,
    start(name: string): Promise<string> {
      return room.run(async () => {
        running.push(name)
        await new Promise<void>((resolve) => ends.set(name, resolve))
        running.splice(running.indexOf(name), 1)
        if (name.startsWith('bad')) throw new Error(name)
        return name
      })
    },
    async end(name: string): Promise<void> {
      ends.get(name)!()
      await settled()
    },
  }
}

async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

test('so many run at once, and who waits comes in turn', async () => {
  const { running, start, end } = scene(2)
  const all = ['a', 'b', 'c', 'd', 'e'].map(start)
  await settled()
  expect(running).toEqual(['a', 'b'])
  await end('b')
  expect(running).toEqual(['a', 'c'])
  await end('a')
  expect(running).toEqual(['c', 'd'])
  for (const name of ['c', 'd', 'e']) await end(name)
  expect(await Promise.all(all)).toEqual(['a', 'b', 'c', 'd', 'e'])
})

test('what fails leaves its place', async () => {
  const { running, start, end } = scene(1)
  const [bad, next] = [start('bad'), start('next')]
  bad.catch(() => {})
  await settled()
  await end('bad')
  await expect(bad).rejects.toThrow('bad')
  expect(running).toEqual(['next'])
  await end('next')
  expect(await next).toBe('next')
})
