import { useSyncExternalStore } from "react";
import { type Example, examples, firstExample } from "./examples";

/** The parts of the page's address. */
export interface Address {
  example: Example;
  /** The example's file whose source is shown. */
  file: string | undefined;
}

/** The address of an example on the page: `#/quota`; or of one of its files: `#/quota/code/quota/accounts.ts`. */
export function addressOf({ slug }: Example, file?: string): string {
  return file === undefined ? `#/${slug}` : `#/${slug}/code/${file}`;
}

/** The parts of the page's address. Without an example in the address, it is the first one. */
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
