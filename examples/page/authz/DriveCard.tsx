import { Card } from "../shared/Card";
import { Results } from "../shared/Results";
import { DriveItem } from "./DriveItem";
import { drive } from "./drive";
import { usePermissions } from "./usePermissions";
import { nameText } from "./words";

/** The folders and documents, with a person's rights to each. */
export function DriveCard({ user }: { user: string }) {
  const permissions = usePermissions(user);
  return (
    <Card title="Drive" note={`What ${nameText(user)} may do. Each answer has a grant of its own.`}>
      <Results label="Folders and documents">
        {drive.map((item) => (
          <DriveItem key={item.object} item={item} allowed={permissions?.(item.object)} />
        ))}
      </Results>
    </Card>
  );
}
