import { Result } from "../shared/Results";
import { type DriveObject, deepest } from "./drive";
import { nameText, rightText } from "./words";

interface Props {
  item: DriveObject;
  /** The person's relations to it; undefined until they are loaded. */
  allowed: string[] | undefined;
}

/** A folder or a document, indented by its depth, with the person's rights. */
export function DriveItem({ item: { object, type, depth }, allowed }: Props) {
  return (
    <Result
      title={
        <span
          className="drive__name"
          data-type={type}
          data-asked={object === deepest.object}
          style={{ marginLeft: `${depth}em` }}
        >
          {nameText(object)}
        </span>
      }
      aside={
        allowed && (
          <span className="drive__allowed" data-any={allowed.length > 0}>
            {allowed.map(rightText).join(", ") || "no access"}
          </span>
        )
      }
    />
  );
}
