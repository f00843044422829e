// The guide's receiver (docs/integrate.md, Callbacks: five things to do right), called once.
import { createHash } from 'node:crypto';

// RECEIVER

const [query, secret, key, order] = process.argv.slice(2);
console.log(receive(Object.fromEntries(new URLSearchParams(query)), secret, { [key]: order }));
