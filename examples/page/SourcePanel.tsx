import { useEffect, useId, useRef, useState } from "react";
import type { Example } from "./examples";
import { errorMessage } from "./shared/errorMessage";
import { Failure } from "./shared/Failure";
import { addressOf } from "./useAddress";

/** The files of the example app as text; each loads when it is opened. */
const sources = import.meta.glob<string>("../convex/**/*.ts", { query: "?raw", import: "default" });

interface Props {
  example: Example;
  /** Which of the example's files is shown. */
  file: string;
}

/** The code of an example. It has its own address, so that the back button closes it. */
export function SourcePanel({ example, file }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    if (dialog.current?.open === false) dialog.current.showModal();
  }, []);
  return (
    <dialog
      ref={dialog}
      className="source"
      aria-labelledby={titleId}
      onClose={() => {
        window.location.hash = addressOf(example);
      }}
    >
      <header className="source__header">
        <h2 id={titleId}>The code: {example.name}</h2>
        <button type="button" className="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
        <nav className="source__files" aria-label="Files">
          {example.files.map((each) => (
            <a
              key={each}
              className="chip"
              href={addressOf(example, each)}
              aria-current={each === file ? "page" : undefined}
            >
              {each}
            </a>
          ))}
        </nav>
      </header>
      <Source key={file} file={file} />
      <footer className="source__footer">
        <code>examples/convex/{file}</code>. What it costs and its limits are in{" "}
        <code>examples/convex/{example.folder}/README.md</code>.
      </footer>
    </dialog>
  );
}

function Source({ file }: { file: string }) {
  const [text, setText] = useState("");
  const [failure, setFailure] = useState<string>();
  useEffect(() => {
    sources[`../convex/${file}`]?.().then(setText, (error: unknown) => setFailure(errorMessage(error)));
  }, [file]);
  if (failure !== undefined) return <Failure message={failure} />;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: keyboard users must be able to scroll the text.
    <section className="source__text" tabIndex={0} aria-label={file}>
      <pre>{text}</pre>
    </section>
  );
}
