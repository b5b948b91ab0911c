/** One test, as a test runner reports it. */
export interface TestResult {
  readonly file: string
  /** With the names of all that is around it. */
  readonly name: string
  readonly result: 'passed' | 'failed' | 'skipped'
  /** Of a failure. */
  readonly message: string
}

const TAG = /<(\/?)(testsuite|testcase|failure|error|skipped)\b((?:[^>"]|"[^"]*")*?)(\/?)>/g

/** The tests in a JUnit report. The outermost suites are the files; Bun nests those in between, and vitest does not. */
export function parseJunit(xml: string): TestResult[] {
  const results: TestResult[] = []
  const suites: string[] = []
  let test: { name: string; result: TestResult['result']; message: string } | undefined
  for (const [, closing, tag, attributes = '', alone] of xml.matchAll(TAG)) {
    if (tag === 'testsuite') {
      if (closing) suites.pop()
      else if (!alone) suites.push(attribute(attributes, 'name'))
    } else if (tag !== 'testcase') {
      if (closing || !test) continue
      test.result = tag === 'skipped' ? 'skipped' : 'failed'
      test.message ||= attribute(attributes, 'message')
    } else {
      if (!closing) test = { name: attribute(attributes, 'name'), result: 'passed', message: '' }
      if (!closing && !alone) continue
      const [file = '', ...around] = suites
      results.push({ ...test!, file, name: [...around, test!.name].join(' > ') })
      test = undefined
    }
  }
  return results
}

function attribute(attributes: string, name: string): string {
  const [, value = ''] = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(attributes) ?? []
  return value.replace(/&(?:#(x?[0-9a-f]+)|(\w+));/gi, (_, number?: string, entity?: string) =>
    number === undefined
      ? (entities[entity!] ?? '')
      : String.fromCodePoint(Number(number.replace(/^x/i, '0x'))),
  )
}

const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
