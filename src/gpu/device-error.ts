import { type ErrorDetail, InnateError, OutOfMemory, tellsOfMemory } from '../lib/errors';

/** What a device reported of itself, as a `backend` error: `OutOfMemory` where memory ended. */
export function deviceError(error: GPUError, detail: ErrorDetail = {}): InnateError {
  const memory =
    (typeof GPUOutOfMemoryError !== 'undefined' && error instanceof GPUOutOfMemoryError) ||
    tellsOfMemory(error.message);
  const found = error.message.split('\n')[0]!.slice(0, 200);
  return memory
    ? new OutOfMemory('backend', 'the GPU is out of memory', { found, ...detail })
    : new InnateError('backend', 'the GPU reported an error', { found, ...detail });
}

/** The end of a device, as a `backend` error: `OutOfMemory` where the driver gives that as its reason. */
export const deviceLost = ({ message }: GPUDeviceLostInfo): InnateError =>
  new (tellsOfMemory(message) ? OutOfMemory : InnateError)('backend', 'the GPU device was lost', {
    found: message,
  });
