// A hook for tests: sends a broadcast every `options.every` ms, and says in which worker.

export default function beat({ every }, context) {
  const frame = new Uint8Array(60);
  frame.fill(0xff, 0, 6);
  frame.set([2, 0, 0, 0, 0, 0x67, 0x88, 0xb5], 6);
  return {
    generate(out) {
      context.report(`worker ${context.worker}`);
      out.receive(frame);
      return every;
    },
  };
}
