import { type Example, examples } from "./examples";
import { addressOf } from "./useAddress";

/**
 * The way to each example. Links, not an ARIA tab list: each example has its own address, so it can be
 * bookmarked, opened beside the others, and left with the back button.
 */
export function ExampleTabs({ open }: { open: Example }) {
  return (
    <nav className="tabs" aria-label="Examples">
      {examples.map((example) => (
        <a
          key={example.slug}
          className="tab"
          href={addressOf(example)}
          aria-current={example === open ? "page" : undefined}
        >
          {example.name}
        </a>
      ))}
    </nav>
  );
}
