import { guard } from '@curfew/core'
import { reporter } from '@curfew/core/report'
import { expect, test } from 'vitest'
import { curfew, failure, fileOf, listen } from './support.ts'

/** The line that a guard's reporter makes of a request that fails. */
async function reported(request: Request): Promise<string> {
  const lines: string[] = []
  const reports = reporter({ hooks: [(report) => void lines.push(JSON.stringify(report))] })
  const handler = guard(
    async (request: Request) => {
      await request.text()
      throw new TypeError('order.items is not iterable')
    },
    { reporter: reports },
  )
  await handler(request)
  expect(await reports.flush({ timeoutMs: 10_000 })).toBe(true)
  expect(lines).toHaveLength(1)
  return lines[0]!
}

test('what a guard reports can be shown, counted, and sent again with what it hides', async () => {
  const secret = { password: 'correct horse battery', pin: 1234, page: 2 }
  const line = await reported(
    new Request('https://shop.example/orders/42?page=2&token=s3cr3t-token', {
      method: 'POST',
      headers: {
        authorization: 'Bearer abcdef123456',
        cookie: 'session=s1234567; theme=dark',
        'content-type': 'application/json',
      },
      body: JSON.stringify(secret),
    }),
  )
  const file = fileOf(line)
  expect(await curfew(['show', file])).toMatchObject({
    code: 0,
    err: '',
    out: expect.stringMatching(/^FAILED 500 {2}POST https:/),
  })
  expect(await curfew(['stats', file])).toMatchObject({
    code: 0,
    out: expect.stringContaining('POST /orders/:id'),
  })

  const { id } = JSON.parse(line)
  const { origin, received } = await listen(failure)
  const replay = ['replay', file, '--id', id, '--to', origin]
  const refused = await curfew([...replay, '--json'])
  expect(refused.code).toBe(5)
  expect(
    JSON.parse(refused.out)
      .missing.map(({ name }: { name: string }) => name)
      .sort(),
  ).toEqual([
    'body.password',
    'body.pin',
    'cookie.session',
    'cookie.theme',
    'header.authorization',
    'query.token',
  ])
  const given = [
    'body.pin:=1234',
    'body.password=correct horse battery',
    'cookie.session=s1234567',
    'cookie.theme=dark',
    'header.authorization=Bearer abcdef123456',
    'query.token=s3cr3t-token',
  ]
  expect(await curfew([...replay, ...given.flatMap((each) => ['--set', each])])).toMatchObject({
    code: 0,
    err: '',
  })
  expect(received).toHaveLength(1)
  expect(received[0]).toMatchObject({
    method: 'POST',
    url: '/orders/42?page=2&token=s3cr3t-token',
    headers: {
      authorization: 'Bearer abcdef123456',
      cookie: 'session=s1234567; theme=dark',
      'content-type': 'application/json',
    },
  })
  expect(JSON.parse(received[0]!.body.toString())).toEqual(secret)
})

test('a form with a file comes back once its content is given', async () => {
  const form = new FormData()
  form.set('page', '2')
  form.set('pic', new File(['meow'], 'cat.png', { type: 'image/png' }))
  const line = await reported(new Request('http://a.example/', { method: 'POST', body: form }))
  const { origin, received } = await listen(failure)
  const argv = ['replay', fileOf(line), '--id', JSON.parse(line).id, '--to', origin]
  expect(await curfew(argv)).toMatchObject({ code: 5, err: expect.stringContaining('--set body.pic=@FILE') })
  expect(await curfew([...argv, '--set', 'body.pic=purr'])).toMatchObject({ code: 0 })
  const { headers, body } = received[0]!
  const again = await new Response(new Uint8Array(body), {
    headers: { 'content-type': headers['content-type']! },
  }).formData()
  expect(again.get('page')).toBe('2')
  expect(await (again.get('pic') as File).text()).toBe('purr')
  expect((again.get('pic') as File).type).toBe('image/png')
})
