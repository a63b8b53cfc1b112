import { useSyncExternalStore } from "react";
import { type Example, examples, firstExample } from "./examples";

/** The address of an example on the page. */
export function addressOf({ slug }: Example): string {
  return `#/${slug}`;
}

/** The example that the page's address names. */
export function useOpenExample(): Example {
  const hash = useSyncExternalStore(onHashChange, () => window.location.hash);
  return examples.find((example) => addressOf(example) === hash) ?? firstExample;
}

function onHashChange(listener: () => void): () => void {
  window.addEventListener("hashchange", listener);
  return () => window.removeEventListener("hashchange", listener);
}
