import Catalog
import HTTPTypes
import JSONStream

extension Answer {
    /// The answer to a write that was carried out, or that found everything there already.
    static func added(_ append: ModelAppend, warnings: [String], routerID: String) -> Answer {
        .json(
            [
                "model_id": .string(append.model.id),
                "created_profiles": .array(append.createdProfiles.map(JSONValue.string)),
                "existing_profiles_skipped": .array(append.skippedProfiles.map(JSONValue.string)),
                "warnings": .array(warnings.map(JSONValue.string)),
                "routable_bundles_by_profile": .object(
                    append.createdProfiles.map { name in
                        JSONMember(name, .array(append.affectedBundles.map(JSONValue.string)))
                    }),
                "router_id": .string(routerID),
            ],
            status: append.createsSomething ? .created : .ok)
    }
}
