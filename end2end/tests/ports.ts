// The first port of each world: a test runner has one of its own.
const first = (process.env.TONGFU_PORT ?? '3000').split(',').map(Number);

export const worlds = first.length;
export const port = first[Number(process.env.TEST_PARALLEL_INDEX ?? 0)];
