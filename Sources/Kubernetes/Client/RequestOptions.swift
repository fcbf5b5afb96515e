/// Which objects to list or to watch.
public struct Selection: Sendable, Hashable {
    /// Such as `app.kubernetes.io/managed-by=sie-gateway,tier in (a,b)`.
    public var labels: String?
    /// Such as `metadata.name=default`.
    public var fields: String?

    public init(labels: String? = nil, fields: String? = nil) {
        self.labels = labels
        self.fields = fields
    }

    var query: [(String, String)] {
        [("labelSelector", labels), ("fieldSelector", fields)].compactMap { name, value in value.map { (name, $0) } }
    }
}

/// One page of a list.
public struct ListOptions: Sendable, Hashable {
    public var selection: Selection
    /// How many items at most; nil for all in one answer.
    public var limit: Int?
    /// The next page, as the page before said.
    public var `continue`: String?
    /// How fresh: nil for the newest there is, `0` for whatever the server has at hand.
    public var resourceVersion: String?

    public init(
        selection: Selection = Selection(), limit: Int? = nil, continue: String? = nil, resourceVersion: String? = nil
    ) {
        self.selection = selection
        self.limit = limit
        self.continue = `continue`
        self.resourceVersion = resourceVersion
    }

    var query: [(String, String)] {
        var query = selection.query
        if let limit { query.append(("limit", "\(limit)")) }
        if let `continue` {
            query.append(("continue", `continue`))
        } else if let resourceVersion {
            query.append(("resourceVersion", resourceVersion))
        }
        return query
    }
}

/// What to be told of, and for how long.
public struct WatchOptions: Sendable, Hashable {
    public var selection: Selection
    /// The version after which changes are told; never empty unless everything is told first.
    public var resourceVersion: String
    /// Whether what is there is told first, ended by ``WatchEvent/initialEventsEnd(resourceVersion:)``: a list that neither
    /// side has to hold in memory as a whole. Servers that cannot do so refuse (400 or 422).
    public var sendsInitialEvents: Bool
    /// After how long the server ends the watch, in whole seconds.
    public var timeout: Duration
    /// How long nothing may come before the connection counts as dead; servers send bookmarks every minute.
    public var longestSilence: Duration

    public init(
        selection: Selection = Selection(), resourceVersion: String, sendsInitialEvents: Bool = false,
        timeout: Duration = .seconds(300), longestSilence: Duration = .seconds(150)
    ) {
        self.selection = selection
        self.resourceVersion = resourceVersion
        self.sendsInitialEvents = sendsInitialEvents
        self.timeout = timeout
        self.longestSilence = longestSilence
    }

    var query: [(String, String)] {
        var query =
            selection.query + [
                ("watch", "true"), ("allowWatchBookmarks", "true"),
                ("timeoutSeconds", "\(max(1, timeout.components.seconds))"),
            ]
        if !resourceVersion.isEmpty { query.append(("resourceVersion", resourceVersion)) }
        if sendsInitialEvents {
            query += [("sendInitialEvents", "true"), ("resourceVersionMatch", "NotOlderThan")]
        }
        return query
    }
}

/// How a write is to be taken.
public struct WriteOptions: Sendable, Hashable {
    /// What the server does about fields that the kind does not have; older servers ignore it.
    public enum FieldValidation: String, Sendable, Hashable {
        case ignore = "Ignore"
        case warn = "Warn"
        case strict = "Strict"
    }

    /// Who writes, in `metadata.managedFields`.
    public var fieldManager: String?
    public var fieldValidation: FieldValidation?
    /// Whether the server only checks and answers, and keeps nothing.
    public var isDryRun: Bool

    public init(fieldManager: String? = nil, fieldValidation: FieldValidation? = nil, isDryRun: Bool = false) {
        self.fieldManager = fieldManager
        self.fieldValidation = fieldValidation
        self.isDryRun = isDryRun
    }

    var query: [(String, String)] {
        var query: [(String, String)] = []
        if let fieldManager { query.append(("fieldManager", fieldManager)) }
        if let fieldValidation { query.append(("fieldValidation", fieldValidation.rawValue)) }
        if isDryRun { query.append(("dryRun", "All")) }
        return query
    }
}

/// What must still be true of an object that is to be deleted, and what becomes of those that it owns.
public struct DeleteOptions: Sendable, Hashable {
    public enum Propagation: String, Sendable, Hashable {
        case orphan = "Orphan"
        case background = "Background"
        case foreground = "Foreground"
    }

    /// The object of this name must be this one and no later one.
    public var uid: String?
    public var resourceVersion: String?
    public var propagation: Propagation?
    public var gracePeriodSeconds: Int?

    public init(
        uid: String? = nil, resourceVersion: String? = nil, propagation: Propagation? = nil,
        gracePeriodSeconds: Int? = nil
    ) {
        self.uid = uid
        self.resourceVersion = resourceVersion
        self.propagation = propagation
        self.gracePeriodSeconds = gracePeriodSeconds
    }
}

/// A part of an object that is read and written by itself.
public enum Subresource: String, Sendable, Hashable {
    case status
    case scale
}
