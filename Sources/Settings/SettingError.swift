/// A setting that cannot be used, named as the user wrote it.
public struct SettingError: Error, CustomStringConvertible, Equatable {
    /// Which setting, what is wrong with it and what is wanted.
    public let description: String

    /// Creates an error from its sentence.
    public init(_ description: String) { self.description = description }
}
