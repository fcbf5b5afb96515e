/// The part of an adapter path that bundles list.
public enum AdapterModule {
    /// The module of `module:Class`: the text before the first colon, or all of it where there is none.
    public static func name(ofPath path: String) -> String {
        String(path.utf8.prefix { $0 != UInt8(ascii: ":") }) ?? path
    }
}
