/** Words of titles first: they have the films indexed whose directors come after them. */
const suggestions = ["toy", "star wars", "godf", "alien", "lucas", "coppola", "lasseter"];

/** A few words to try. */
export function Suggestions({ onChoose }: { onChoose: (text: string) => void }) {
  return (
    <fieldset className="chips">
      <legend className="visually-hidden">Try one of these</legend>
      {suggestions.map((text) => (
        <button key={text} type="button" className="chip" onClick={() => onChoose(text)}>
          {text}
        </button>
      ))}
    </fieldset>
  );
}
