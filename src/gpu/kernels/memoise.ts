/**
 * `make`, called once for equal arguments: later calls get the same result. Arguments are plain data, equal when
 * their JSON is; one whose fields stand in another order is made again, to the same end. It is meant for generators of
 * kernels: training asks for the same few forms with every tensor operation, the text of a matrix product takes
 * 0.1 ms to write, and a text that is the same string is found among the compiled ones without being read.
 */
export function memoised<A extends readonly unknown[], R>(make: (...args: A) => R): (...args: A) => R {
  const made = new Map<string, R>();
  return (...args) => {
    const key = JSON.stringify(args);
    let result = made.get(key);
    if (result === undefined) {
      result = make(...args);
      made.set(key, result);
    }
    return result;
  };
}
