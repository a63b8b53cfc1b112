import { Card } from "../shared/Card";
import { Results } from "../shared/Results";
import { DriveItem } from "./DriveItem";
import { type DriveObject, drive, groups } from "./drive";
import { usePermissions } from "./usePermissions";
import { userText } from "./words";

interface Props {
  user: string;
  chosen: DriveObject;
  onChoose: (object: DriveObject) => void;
}

/** The folders and documents, with what a user may do with each; and the groups. */
export function DriveCard({ user, chosen, onChoose }: Props) {
  const permissions = usePermissions(user);
  const cost = permissions ? `, listed with ${permissions.documentsRead} documents read` : "";
  const choice = (each: DriveObject) => ({
    chosen: each.object === chosen.object,
    onChoose: () => onChoose(each),
  });
  return (
    <Card title="Drive" note={`What ${userText(user)} may do${cost}.`}>
      <Results label="Folders and documents">
        {drive.map((each) => (
          <DriveItem key={each.object} item={each} allowed={permissions?.of(each.object)} {...choice(each)} />
        ))}
      </Results>
      <Results label="Groups">
        {groups.map((each) => (
          <DriveItem key={each.object} item={each} {...choice(each)} />
        ))}
      </Results>
    </Card>
  );
}
