import Wire

/// What the queue asks of the models on this worker.
package protocol ModelServing: Sendable {
    /// The hash of the served bundle's configuration, as the status message reports it.
    var bundleConfigHash: String { get }

    /// Finds the model and calls `body` exactly once: at once where that is known, otherwise when its load ended, on
    /// whatever thread ended it.
    func withModel(_ id: String, _ body: @escaping @Sendable (ModelAdmission) -> Void)
}

/// Whether work on a model can be done.
package enum ModelAdmission: Sendable {
    case ready(ServedModel)
    /// No model of this name is served here.
    case unknown
    /// Too much waits for this model's load, or the model is being unloaded.
    case busy
    /// The model cannot be loaded; the message says why.
    case refused(message: String)
}

/// A loaded model together with the configuration that requests on it are read with.
package struct ServedModel: Sendable {
    package let id: String
    /// Name of the adapter, for messages.
    package let adapter: String
    package let encoder: any TextEncoding
    /// Runtime options by profile name, inheritance resolved.
    package let profiles: [String: RuntimeOptions]

    package init(id: String, adapter: String, encoder: any TextEncoding, profiles: [String: RuntimeOptions]) {
        self.id = id
        self.adapter = adapter
        self.encoder = encoder
        self.profiles = profiles
    }

    /// The parameters of one work item: the chosen profile's options overlaid by the item's own (worker contract 6.4).
    ///
    /// The profile is named by the item's `options.profile`, else by its `profile_id`.
    package func parameters(for work: WorkItem, options: RuntimeOptions) throws(EncodeError) -> EncodeParameters {
        let name: String
        if case .string(let chosen) = options["profile"] { name = chosen } else { name = work.profileID }
        guard let profile = profiles[name] else { throw .unknownProfile(name, model: id) }
        let parameters = try EncodeParameters(
            options: profile.overlaid(by: options), outputTypes: work.outputTypes, instruction: work.instruction,
            isQuery: work.isQuery)
        if let other = parameters.outputTypes.first(where: { $0 != "dense" }) {
            throw .unsupportedOutput(other, model: id)
        }
        return parameters
    }
}
