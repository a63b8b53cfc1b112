import { Result } from "../shared/Results";
import type { DriveObject } from "./drive";
import { relationText } from "./words";

interface Props {
  item: DriveObject;
  /** What may be done with it; left out while that is not known. */
  allowed?: string[] | undefined;
  chosen: boolean;
  onChoose: () => void;
}

/** A folder, a document or a group, as far in as it lies deep. */
export function DriveItem({ item: { type, name, depth }, allowed, chosen, onChoose }: Props) {
  return (
    <Result
      title={
        <span className="drive__name" data-type={type} style={{ marginLeft: `${depth}em` }}>
          {type === "folder" ? `${name}/` : name}
        </span>
      }
      open={chosen}
      onOpen={onChoose}
      detail={type === "group" && "group"}
      aside={
        allowed && (
          <span className="drive__allowed" data-any={allowed.length > 0}>
            {allowed.map(relationText).join(", ") || "nothing"}
          </span>
        )
      }
    />
  );
}
