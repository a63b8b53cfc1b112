import { mkdtemp, symlink } from "node:fs/promises";
import { join } from "node:path";
import { basePage, readPages } from "../docs/pages.js";
import { namedFiles, writeProject } from "../docs/projects.js";

/**
 * Sets up a project that has only the quick start. It uses the packages of the consumer beside it.
 *
 * @returns Its folder.
 */
export async function installQuickStart(temp: string, consumer: string): Promise<string> {
  const project = await mkdtemp(join(temp, "quickStart-"));
  await symlink(join(consumer, "node_modules"), join(project, "node_modules"));
  writeProject(project, namedFiles(basePage(readPages())).files);
  return project;
}
