import { type Example, examples } from "./examples";
import { addressOf } from "./useAddress";

/**
 * Links to the examples. They are not an ARIA tab list, because each example has its own address: you can bookmark it,
 * open it in a second window, and leave it with the back button.
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
