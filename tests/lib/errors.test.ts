import { expect, it } from 'vitest';
import { asInnateError, InnateError, OutOfMemory } from '../../src/lib/errors';

it.each([
  new RangeError('Array buffer allocation failed'),
  new RangeError('WebAssembly.Memory(): could not allocate memory: Out of memory'),
  new WebAssembly.RuntimeError('Aborted(). Build with -sASSERTIONS for more info.'),
  new WebAssembly.RuntimeError('Aborted(OOM)'),
  new Error('Cannot enlarge memory arrays'),
])('what engines say of memory is a lack of memory: $message', (error) => {
  expect(asInnateError(error, 'backend')).toBeInstanceOf(OutOfMemory);
});

it.each([
  new DOMException('The user aborted a request.', 'AbortError'),
  new WebAssembly.RuntimeError('Aborted(both async and sync fetching of the wasm failed)'),
  new WebAssembly.RuntimeError('unreachable'),
  new InnateError('backend', 'a file called out of memory.pt'),
])('what is no lack of memory is not taken for one: $message', (error) => {
  expect(asInnateError(error, 'backend')).not.toBeInstanceOf(OutOfMemory);
});
