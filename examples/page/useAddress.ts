import { useSyncExternalStore } from "react";
import { type Example, examples, firstExample } from "./examples";

/** What the page's address names. */
export interface Address {
  example: Example;
  /** The file whose source is shown, of the example's. */
  file: string | undefined;
}

/** The address of an example on the page: `#/quota`; or of one of its files: `#/quota/code/quota/accounts.ts`. */
export function addressOf({ slug }: Example, file?: string): string {
  return file === undefined ? `#/${slug}` : `#/${slug}/code/${file}`;
}

/** What the page's address names; the first example when it names none. */
export function useAddress(): Address {
  const hash = useSyncExternalStore(onHashChange, () => window.location.hash);
  const [, slug, , file] = /^#\/([^/]+)(\/code\/(.+))?$/.exec(hash) ?? [];
  const example = examples.find((each) => each.slug === slug) ?? firstExample;
  return { example, file: example.files.find((each) => each === file) };
}

function onHashChange(listener: () => void): () => void {
  window.addEventListener("hashchange", listener);
  return () => window.removeEventListener("hashchange", listener);
}
