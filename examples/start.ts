/**
 * `npm run demo`, `npm run tour` and `npm run e2e` begin here. It imports nothing, so that it can say at once what is
 * going on: loading the rest takes a while on a busy machine.
 */
const [program] = process.argv.splice(2, 1);
console.log(`Loading the example app and an embedded backend for the ${program} …`);
void import(`./${program}.ts`);
