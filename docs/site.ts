/**
 * The documentation site. `npm run docs` makes the reference and serves the site, with hot reload of the pages.
 * `npm run docs:build` builds it into docs/.vitepress/dist, or into the folder given as an argument.
 */
import { resolve } from "node:path";
import { build, createServer } from "vitepress";
import { docs } from "./.vitepress/repository";
import { writeReference } from "./reference";

const [command = "dev", folder] = process.argv.slice(2);

console.log("Making the reference from the doc comments …");
if (command === "build") {
  await writeReference();
  await build(docs, folder === undefined ? {} : { outDir: resolve(folder) });
} else {
  await writeReference().catch((error) => console.error(String(error)));
  const server = await createServer(docs);
  await server.listen();
  server.printUrls();
}
