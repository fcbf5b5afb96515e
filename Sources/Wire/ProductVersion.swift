/// The version every binary prints and puts into its headers; clients compare `major.minor` with their own.
public enum ProductVersion {
    public static let current = "0.3.1"
    public static let minor = 3
}
