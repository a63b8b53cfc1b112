import { ExampleTabs } from "./ExampleTabs";
import { FailureBoundary } from "./FailureBoundary";
import { SourcePanel } from "./SourcePanel";
import { addressOf, useAddress } from "./useAddress";

/** Shows one example at a time, so that the page subscribes only to the queries of the open one. */
export function App({ deployment }: { deployment: string }) {
  const { example: open, file } = useAddress();
  const { slug, title, lead, files, Content } = open;
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
          <a className="example-header__source" href={addressOf(open, files[0])}>
            Show the code
          </a>
        </header>
        <FailureBoundary key={slug}>
          <Content deployment={deployment} />
        </FailureBoundary>
      </main>
      {file && <SourcePanel key={slug} example={open} file={file} />}
    </div>
  );
}
