import type { AnyReader, LazyDataModel, LazyReader } from "../schema.js";

/**
 * The documents of a table of the library that have these values.
 *
 * @param values - Fields of the index, in its order.
 */
export function findBy<Table extends keyof LazyDataModel & string>(
  db: AnyReader | LazyReader,
  table: Table,
  index: keyof LazyDataModel[Table]["indexes"],
  values: { [Field in keyof LazyDataModel[Table]["document"]]?: LazyDataModel[Table]["document"][Field] | undefined },
) {
  type Range = { eq(field: string, value: unknown): Range };
  const range = (q: Range) => Object.entries(values).reduce((to, [field, value]) => to.eq(field, value), q);
  return (db as LazyReader).query(table).withIndex(index, range as never);
}
