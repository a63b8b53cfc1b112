import type { TestApp } from "../testApp.js";

/** How many rows may have a dependency before it is shared. */
const ROWS_OF_A_DEPENDENCY = 64;

/**
 * Gives one of the dependencies that are stored to so many rows that the next one to have it shares it. Of these rows,
 * there are the dependencies alone.
 */
export async function crowd({ t }: Pick<TestApp, "t">, number: number): Promise<void> {
  await t.run(async ({ db }) => {
    const stored = (await db.query("lazyDependencies").collect()).filter(({ view }) => view !== "");
    const chosen = stored[number % Math.max(stored.length, 1)];
    if (chosen === undefined) return;
    const { _id, _creationTime, ...dependency } = chosen;
    for (let i = 0; i < ROWS_OF_A_DEPENDENCY; i++) {
      await db.insert("lazyDependencies", { ...dependency, key: `{"crowd":${i}}` });
    }
  });
}
