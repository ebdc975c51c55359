/**
 * The bytes of all WebAssembly memories that this thread makes; a memory never shrinks, so that its size is its
 * peak. Call before any module is loaded.
 */
export function watchMemory(): () => number {
  const memories = new Set<WebAssembly.Memory>();
  const { Memory } = WebAssembly;
  WebAssembly.Memory = new Proxy(Memory, {
    construct(target, args: [WebAssembly.MemoryDescriptor]) {
      const memory = new target(...args);
      memories.add(memory);
      return memory;
    },
  });
  const noted = (result: WebAssembly.Instance | WebAssembly.WebAssemblyInstantiatedSource) => {
    const { exports } = 'instance' in result ? result.instance : result;
    for (const value of Object.values(exports)) if (value instanceof Memory) memories.add(value);
    return result;
  };
  const { instantiate, instantiateStreaming } = WebAssembly;
  Object.assign(WebAssembly, {
    instantiate: async (...args: Parameters<typeof instantiate>) => noted(await instantiate(...args)),
    instantiateStreaming: async (...args: Parameters<typeof instantiateStreaming>) =>
      noted(await instantiateStreaming(...args)),
  });
  return () => [...memories].reduce((sum, memory) => sum + memory.buffer.byteLength, 0);
}
