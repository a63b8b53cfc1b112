import type { TestApp } from "../testApp.js";

/** How many rows may have a dependency before it is shared. */
const ROWS_OF_A_DEPENDENCY = 64;

/**
 * Stores one of the stored dependencies for so many more rows that the next row with this dependency shares it. Only the
 * dependencies of these rows exist, not the rows themselves.
 *
 * @returns The view and the key of the row that had it.
 */
export async function crowd<Key>(
  { t }: Pick<TestApp, "t">,
  number: number,
): Promise<{ view: string; key: Key } | null> {
  return await t.run(async ({ db }) => {
    const all = await db.query("lazyDependencies").collect();
    const stored = all.filter(({ view, key }) => view !== "" && !String(key).startsWith('{"crowd"'));
    const chosen = stored[number % Math.max(stored.length, 1)];
    if (chosen === undefined) return null;
    const { _id, _creationTime, ...dependency } = chosen;
    for (let i = 0; i < ROWS_OF_A_DEPENDENCY; i++) {
      await db.insert("lazyDependencies", { ...dependency, key: `{"crowd":${i}}` });
    }
    return { view: String(chosen.view), key: JSON.parse(String(chosen.key)) as Key };
  });
}
