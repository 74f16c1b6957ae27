// A hook for tests whose module takes its time to load.

await new Promise((resolve) => setTimeout(resolve, 400));

export default () => ({ filter: () => true });
