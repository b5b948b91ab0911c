export { brokenPage, eventStream, largeBody, largeStream, stalledBody } from './node-bodies.ts'
export { startGreeter } from './start-greeter.ts'
