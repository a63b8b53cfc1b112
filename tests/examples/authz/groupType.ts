/** Users, and other groups' members, are members of a group. */
export const groupType = {
  type: "group",
  relations: { member: { this: {} } },
  metadata: {
    relations: {
      member: {
        directly_related_user_types: [{ type: "user" }, { type: "group", relation: "member" }],
      },
    },
  },
};
