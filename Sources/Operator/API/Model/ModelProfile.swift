import JSONStream

extension SIEModel {
    /// One way to run a model. An existing one never changes: the catalogue is append-only.
    package struct Profile: Codable, Sendable, Hashable {
        /// The number format that the model computes in.
        package enum Precision: String, SpecChoice {
            case float32, float16, bfloat16
        }

        /// Options of the adapter; each is an open object.
        package struct AdapterOptions: Codable, Sendable, Hashable {
            /// What the adapter gets when it loads the model.
            package var loadtime: JSONValue?
            /// What each request starts from.
            package var runtime: JSONValue?

            package init(loadtime: JSONValue? = nil, runtime: JSONValue? = nil) {
                self.loadtime = loadtime
                self.runtime = runtime
            }
        }

        package var name: String
        /// Another profile of the model, whose fields count where this one has none.
        package var extends: String?
        /// `module:Class`; some bundle must list the module.
        package var adapterPath: String?
        /// The most tokens of a batch.
        package var maxBatchTokens: Int?
        package var computePrecision: Precision?
        package var adapterOptions: AdapterOptions?
        /// Settings of the adaptive batcher; an open object.
        package var adaptiveBatching: JSONValue?

        package init(
            name: String, extends: String? = nil, adapterPath: String? = nil, maxBatchTokens: Int? = nil,
            computePrecision: Precision? = nil, adapterOptions: AdapterOptions? = nil,
            adaptiveBatching: JSONValue? = nil
        ) {
            self.name = name
            self.extends = extends
            self.adapterPath = adapterPath
            self.maxBatchTokens = maxBatchTokens
            self.computePrecision = computePrecision
            self.adapterOptions = adapterOptions
            self.adaptiveBatching = adaptiveBatching
        }
    }
}
