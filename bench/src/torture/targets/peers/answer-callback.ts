import type { NextFunction, Request, Response } from 'express'
import type { Asked } from '../../handlers.ts'
import { idOf, type Kit } from '../../kit.ts'
import { write } from '../answer-listener.ts'
import { answersNow } from './uncontained.ts'

/** Answers as a handler does whose database has callbacks: what it throws then, nobody waits for. */
export function answerCallback(
  kit: Kit,
  req: Request,
  res: Response,
  next: NextFunction,
  signal: () => AbortSignal,
): void {
  const asked: Omit<Asked, 'id' | 'amount'> = {
    get signal() {
      return signal()
    },
    body: () => req,
  }
  const answer = kit.answer(asked, req.url)
  if (!(answer instanceof Promise)) {
    send(answer)
    return
  }
  answer.then(
    (settled) => setImmediate(send, settled),
    (error) => setImmediate(next, error),
  )

  function send(settled: Awaited<typeof answer>): void {
    const id = idOf(req.url)
    answersNow(id)
    // Of a stream that breaks off, somebody is told.
    write(res, settled, id)?.catch(next)
  }
}
