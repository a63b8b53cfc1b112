/** As it was when the worker began: test files that share a worker share this module too. */
const found = { ...process.env };

/** Sets `process.env` to what it was when this module was loaded: in a worker, before its first file of tests. */
export function putBackEnvironment(): void {
  for (const name of Object.keys(process.env)) if (!(name in found)) delete process.env[name];
  Object.assign(process.env, found);
}
