import { ExampleTabs } from "./ExampleTabs";
import { FailureBoundary } from "./FailureBoundary";
import { useOpenExample } from "./useOpenExample";

/** The examples, one at a time: only what is open is subscribed to. */
export function App({ deployment }: { deployment: string }) {
  const open = useOpenExample();
  const { slug, title, lead, folder, Content } = open;
  return (
    <div className="page">
      <title>{`${open.name} · convex-lazy-views`}</title>
      <header className="masthead">
        <p className="masthead__product">convex-lazy-views</p>
        <ExampleTabs open={open} />
      </header>
      <main>
        <header className="example-header">
          <h1>{title}</h1>
          <p className="example-header__lead">{lead}</p>
          <p className="example-header__source">
            The code: <code>examples/convex/{folder}/README.md</code>
          </p>
        </header>
        <FailureBoundary key={slug}>
          <Content deployment={deployment} />
        </FailureBoundary>
      </main>
    </div>
  );
}
