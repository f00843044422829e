// The first port of each world, and its database: a test runner has one of its own.
const first = (process.env.TONGFU_PORT ?? '3000').split(',').map(Number);

const world = Number(process.env.TEST_PARALLEL_INDEX ?? 0);

export const worlds = first.length;
export const port = first[world];
/** The platform's program, and its database, for commands. */
export const program = process.env.TONGFU_PROGRAM ?? 'tongfu';
export const database = (process.env.TONGFU_DATABASES ?? '').split(',')[world];
