/** OpenFGA's authorization model as JSON, schema 1.1, without conditions. */
export interface AuthorizationModel {
  schema_version: "1.1";
  type_definitions: TypeDefinition[];
}

export interface TypeDefinition {
  type: string;
  /** Relation → who has it. */
  relations?: Record<string, Userset>;
  metadata?: { relations?: Record<string, RelationMetadata> };
}

export interface RelationMetadata {
  /** Who may stand in the relation's own tuples. */
  directly_related_user_types?: RelationReference[];
}

/** `{ type: "user" }`, everybody of a type, or a userset such as the members of any group. */
export type RelationReference =
  | { type: string }
  | { type: string; wildcard: Record<string, never> }
  | { type: string; relation: string };

/** Who has a relation to an object. */
export type Userset =
  | { this: Record<string, never> }
  | { computedUserset: ObjectRelation }
  | { tupleToUserset: { tupleset: ObjectRelation; computedUserset: ObjectRelation } }
  | { union: { child: Userset[] } }
  | { intersection: { child: Userset[] } }
  | { difference: { base: Userset; subtract: Userset } };

export interface ObjectRelation {
  /** Always empty: the object that is asked about. */
  object?: "";
  relation: string;
}
