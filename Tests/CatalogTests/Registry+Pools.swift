import Catalog
import JSONStream

extension Registry {
    /// The JSON object of the pools of a bundle's models, made anew from all models.
    func pools(of bundle: Bundle) -> [UInt8] {
        let served = models.map(\.value).filter { !$0.modules.isDisjoint(with: bundle.modules) }
        return JSONWriter.encode(
            .object(served.map { JSONMember($0.id, .string($0.pool)) }),
            options: .init(escapesNonASCII: true, sortsKeys: true))
    }
}
