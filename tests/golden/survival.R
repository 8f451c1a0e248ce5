# Reference numbers from R's package survival, for tests/mmsurv.
#
# Run in this folder:   Rscript survival.R
# Needs the packages survival and jsonlite. Writes cohort.csv (the input, with a fixed seed) and
# survival.json (the numbers). Times are whole months, so that events tie with events and with
# censored patients; column `untied` holds the same times in an order without ties.

suppressPackageStartupMessages({library(survival); library(jsonlite)})

set.seed(20240611)
n <- 150
log_hazard <- round(rnorm(n, sd = 1.2) + 3, 3)          # the origin of a Cox score is free
log_hazard[seq(5, n, by = 9)] <- log_hazard[1]          # risks tie as well
death <- rexp(n, rate = exp(log_hazard - 3) / 20)
censored <- runif(n, 2, 40)
cohort <- data.frame(
  time = pmax(ceiling(pmin(death, censored)), 1),
  event = as.integer(death <= censored),
  log_hazard = log_hazard,
  group = as.integer(log_hazard > median(log_hazard))
)
cohort$untied <- cohort$time * 1000 + rank(cohort$time * 2 - cohort$event, ties.method = "first")
write.csv(cohort, "cohort.csv", row.names = FALSE, quote = FALSE)

y <- Surv(cohort$time, cohort$event)
untied <- Surv(cohort$untied, cohort$event)

# The likelihood at the given log hazards: one covariate, coefficient 1, no iteration.
at_one <- function(y, ties) suppressWarnings(coxph(
  y ~ log_hazard, data = cohort, init = 1, ties = ties, control = coxph.control(iter.max = 0)
))
cox <- function(y, ties) {
  fit <- at_one(y, ties)
  # The derivative of the log-likelihood by a patient's log hazard is the martingale residual.
  list(log_likelihood = fit$loglik[2], martingale = unname(residuals(fit, "martingale")))
}

baseline <- basehaz(at_one(y, "breslow"), centered = FALSE)
agreement <- concordance(y ~ log_hazard, data = cohort, reverse = TRUE)
curve <- survfit(y ~ 1, conf.type = "log-log")
# Censored patients leave after the events of their month.
late <- Surv(cohort$time + ifelse(cohort$event == 1, 0, 0.5), 1 - cohort$event)
censoring <- summary(survfit(late ~ 1), times = sort(unique(cohort$time)) + 0.5, extend = TRUE)
# Brier score of the Breslow fit, on times without ties, where every convention of G is the same.
brier_times <- seq(4500, 24500, by = 2000)
predicted <- t(summary(survfit(at_one(untied, "breslow"), newdata = cohort), times = brier_times)$surv)
free <- survfit(Surv(untied, 1 - event) ~ 1, data = cohort)
G <- stepfun(free$time, c(1, free$surv))
brier <- sapply(seq_along(brier_times), function(k) {
  t <- brier_times[k]
  dead <- cohort$untied <= t & cohort$event == 1
  alive <- cohort$untied > t
  mean(ifelse(dead, predicted[, k]^2 / G(cohort$untied), 0) + (1 - predicted[, k])^2 * alive / G(t))
})

# Two groups: hazard ratio (Efron), restricted means; and several covariates with ties.
numbers <- function(fit) list(
  coefficient = unname(coef(fit)), covariance = unname(vcov(fit)),
  log_likelihood = fit$loglik[2], null_log_likelihood = fit$loglik[1]
)
tight <- coxph.control(eps = 1e-12, toler.chol = 1e-14)
grouped <- coxph(y ~ group, data = cohort, control = tight)
several <- coxph(y ~ log_hazard + group + I(log_hazard^2), data = cohort, control = tight)
until <- 18
followed <- Surv(pmin(cohort$time, until), cohort$event * (cohort$time <= until))
slope <- coxph(followed ~ log_hazard, data = cohort, control = tight)
restricted <- summary(survfit(y ~ group, data = cohort), rmean = until)$table[, c("rmean", "se(rmean)")]
# Calibration at a horizon in fifths of predicted risk.
breslow <- basehaz(at_one(y, "breslow"), centered = FALSE)
risk <- 1 - exp(-max(breslow$hazard[breslow$time <= until]) * exp(cohort$log_hazard))
fifth <- findInterval(risk, unique(quantile(risk, 1:4 / 5)), left.open = TRUE)
fifths <- summary(survfit(y ~ fifth, conf.type = "log-log"), times = until, extend = TRUE)

golden <- list(
  R = R.version.string,
  survival = as.character(packageVersion("survival")),
  cox = list(
    efron = cox(y, "efron"), breslow = cox(y, "breslow"),
    untied = cox(untied, "efron")
  ),
  baseline = list(time = baseline$time, cumulative_hazard = baseline$hazard),
  concordance = list(
    c_index = unname(agreement$concordance),
    comparable = sum(agreement$count[c("concordant", "discordant", "tied.x")])
  ),
  kaplan_meier = list(
    time = curve$time, survival = curve$surv, at_risk = curve$n.risk,
    lower = curve$lower, upper = curve$upper
  ),
  censoring = list(time = sort(unique(cohort$time)), survival = censoring$surv),
  logrank = list(
    statistic = survdiff(y ~ group, data = cohort)$chisq,
    p = pchisq(survdiff(y ~ group, data = cohort)$chisq, 1, lower.tail = FALSE)
  ),
  hazard_ratio = numbers(grouped),
  several = numbers(several),
  slope = list(until = until, coefficient = unname(coef(slope)), variance = vcov(slope)[1]),
  restricted = list(until = until, mean = unname(restricted[, 1]), error = unname(restricted[, 2])),
  calibration = list(
    until = until, risk = risk, predicted = unname(tapply(risk, fifth, mean)),
    observed = 1 - fifths$surv, lower = 1 - fifths$upper, upper = 1 - fifths$lower,
    patients = unname(c(table(fifth)))
  ),
  brier = list(
    time = brier_times, survival = unname(predicted), score = brier
  )
)
write_json(golden, "survival.json", digits = NA, auto_unbox = TRUE, na = "null", pretty = FALSE)
