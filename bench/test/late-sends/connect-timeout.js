import timeout from 'connect-timeout'
import { serveLate } from './serve-late.js'

serveLate([timeout(Number(process.env.LIMIT_MS)), (req, _res, next) => req.timedout || next()])
