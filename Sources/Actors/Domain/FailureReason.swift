/// Why a clip was refused or failed: a code for programs and a sentence in two languages for the player.
package struct FailureReason: Error, Sendable, Equatable {
    package enum Code: String, Sendable, CaseIterable {
        case notAVideo = "not_a_video"
        case tooLarge = "too_large"
        case tooShort = "too_short"
        case tooLong = "too_long"
        case tooManyPixels = "too_many_pixels"
        case tooFewLines = "too_few_lines"
        case frameRateTooHigh = "frame_rate_too_high"
        case tooManyStreams = "too_many_streams"
        case unsupportedCodec = "unsupported_codec"
        case corrupt
        case cutShort = "cut_short"
        case timedOut = "timed_out"
        case processingFailed = "processing_failed"
        case workerLost = "worker_lost"
    }

    package let code: Code
    package let spanish: String
    package let english: String

    package init(code: Code, spanish: String, english: String) {
        self.code = code
        self.spanish = spanish
        self.english = english
    }

    /// Spanish first, English in brackets: the form of every error text of the API.
    package var text: String { "\(spanish) (\(english))" }
}

extension FailureReason {
    package static func notAVideo(allowed: [String]) -> Self {
        let list = allowed.joined(separator: ", ")
        return Self(
            code: .notAVideo,
            spanish: "Tipo de archivo inválido: sube un video \(list).",
            english: "Invalid file type: upload a video in \(list).")
    }
    package static func tooLarge(maximumBytes: Int64) -> Self {
        let megabytes = maximumBytes / 1_000_000
        return Self(
            code: .tooLarge,
            spanish: "El archivo supera el tamaño máximo de \(megabytes) MB.",
            english: "The file exceeds the maximum size of \(megabytes) MB.")
    }
    package static func tooShort(seconds: Double, minimum: Double) -> Self {
        Self(
            code: .tooShort,
            spanish: "Tu video dura \(short(seconds)) s; el mínimo es \(short(minimum)) s.",
            english: "Your video lasts \(short(seconds)) s; the minimum is \(short(minimum)) s.")
    }
    package static func tooLong(seconds: Double, maximum: Double) -> Self {
        Self(
            code: .tooLong,
            spanish: "Tu video dura \(short(seconds)) s; el máximo es \(short(maximum)) s.",
            english: "Your video lasts \(short(seconds)) s; the maximum is \(short(maximum)) s.")
    }
    package static func tooManyPixels(width: Int, height: Int, maximum: Int) -> Self {
        Self(
            code: .tooManyPixels,
            spanish: "Tu video mide \(width)×\(height) píxeles; el máximo son \(maximum) píxeles por cuadro.",
            english: "Your video measures \(width)×\(height) pixels; the maximum is \(maximum) pixels a frame.")
    }
    package static func tooFewLines(height: Int, minimum: Int) -> Self {
        Self(
            code: .tooFewLines,
            spanish: "Tu video tiene \(height) líneas; el mínimo son \(minimum).",
            english: "Your video has \(height) lines; the minimum is \(minimum).")
    }
    package static func frameRateTooHigh(rate: Double, maximum: Int) -> Self {
        Self(
            code: .frameRateTooHigh,
            spanish: "Tu video tiene \(short(rate)) cuadros por segundo; el máximo son \(maximum).",
            english: "Your video has \(short(rate)) frames a second; the maximum is \(maximum).")
    }
    package static func tooManyStreams(count: Int, maximum: Int) -> Self {
        Self(
            code: .tooManyStreams,
            spanish: "El archivo contiene \(count) pistas; el máximo son \(maximum). Expórtalo con una sola de video.",
            english: "The file holds \(count) tracks; the maximum is \(maximum). Export it with a single video track.")
    }
    package static func unsupportedCodec(_ name: String) -> Self {
        Self(
            code: .unsupportedCodec,
            spanish: "No aceptamos el códec de video \(name). Exporta el video como MP4 con H.264.",
            english: "We do not accept the video codec \(name). Export the video as MP4 with H.264.")
    }
    package static let corrupt = Self(
        code: .corrupt,
        spanish: "El archivo está dañado y no se puede leer. Expórtalo de nuevo y vuelve a subirlo.",
        english: "The file is damaged and cannot be read. Export it again and upload it once more.")
    package static let cutShort = Self(
        code: .cutShort,
        spanish: "El video termina antes de lo que anuncia: parece incompleto. Vuelve a subir el archivo entero.",
        english: "The video ends before it says it does: it seems incomplete. Upload the whole file again.")
    package static let timedOut = Self(
        code: .timedOut,
        spanish: "El video tardó demasiado en procesarse. Prueba con una exportación más sencilla (MP4, H.264).",
        english: "The video took too long to process. Try a simpler export (MP4, H.264).")
    package static let processingFailed = Self(
        code: .processingFailed,
        spanish: "No pudimos procesar el video después de varios intentos. Vuelve a subirlo más tarde.",
        english: "We could not process the video after several attempts. Upload it again later.")
    package static let workerLost = Self(
        code: .workerLost,
        spanish: "El procesamiento se interrumpió varias veces. Vuelve a subir el video.",
        english: "Processing was interrupted several times. Upload the video again.")

    /// One decimal where there is one to show.
    private static func short(_ seconds: Double) -> String {
        let tenths = (seconds * 10).rounded()
        guard tenths.isFinite, abs(tenths) < 1e15 else { return "?" }
        let whole = Int(tenths) / 10
        let rest = abs(Int(tenths) % 10)
        return rest == 0 ? "\(whole)" : "\(whole).\(rest)"
    }
}
