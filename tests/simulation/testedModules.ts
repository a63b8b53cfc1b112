/** The functions of an app, by their paths, as the modules that `convexTest` takes. */
export function testedModules(functions: Readonly<Record<string, unknown>>) {
  const modules: Record<string, Record<string, unknown>> = { "_generated/api": {} };
  for (const [path, registered] of Object.entries(functions)) {
    const [module = "", name = ""] = path.split(":");
    modules[module] = { ...modules[module], [name]: registered };
  }
  return Object.fromEntries(Object.entries(modules).map(([name, exports]) => [`./${name}.ts`, async () => exports]));
}
