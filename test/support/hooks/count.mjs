// A hook for tests: counts, refuses frames whose first byte of payload is `options.refuse`, says what it counted.

export default function count({ refuse = 0, throwOn = 0 }, context) {
  let frames = 0;
  return {
    filter(frame) {
      frames += 1;
      const first = frame.getUint8(14);
      if (throwOn !== 0 && first === throwOn) throw new Error(`byte ${first}`);
      context.report(`worker ${context.worker}: ${frames} by ${frame.port}`);
      return refuse === 0 || first !== refuse;
    },
  };
}
