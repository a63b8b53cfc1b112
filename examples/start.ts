/**
 * `npm run demo`, `npm run tour` and `npm run e2e` begin here. The file has no static imports, so that it can print a
 * first line at once: loading the rest takes a while on a busy machine.
 */
const [program] = process.argv.splice(2, 1);
console.log(`Loading the example app and an embedded backend for the ${program} …`);
void import(`./${program}.ts`);
